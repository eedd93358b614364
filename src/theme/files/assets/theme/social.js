// Comments and sharing. Nothing is loaded from another host before a reader asks for it.
(() => {
  "use strict";
  const share = document.querySelector(".share button");
  if (share && navigator.share) {
    // The button says what the label says.
    document.getElementById("share").hidden = true;
    share.hidden = false;
    share.addEventListener("click", () => {
      const page = document.querySelector('link[rel="canonical"]')?.href ?? location.href;
      // A reader who closes the dialog has changed their mind, which is no error.
      navigator.share({ title: share.dataset.title, url: page }).catch(() => {});
    });
  }

  const comments = document.querySelector(".comments");
  if (!comments) return;
  const data = comments.dataset;
  const status = comments.querySelector("p");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

  function script(source, attributes) {
    const element = document.createElement("script");
    element.async = true;
    element.crossOrigin = "anonymous";
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.src = source;
    element.addEventListener("error", () => (status.textContent = `${new URL(source).host}: ×`));
    comments.append(element);
  }
  const tell = (selector, host, message) =>
    comments.querySelector(selector)?.contentWindow?.postMessage(message, host);

  const providers = {
    giscus: {
      load: () =>
        script("https://giscus.app/client.js", {
          "data-repo": data.repo,
          "data-repo-id": data.repoId,
          "data-category": data.category,
          "data-category-id": data.categoryId,
          "data-mapping": data.mapping ?? "pathname",
          "data-strict": "1",
          "data-reactions-enabled": "1",
          "data-emit-metadata": "0",
          "data-input-position": "top",
          "data-lang": data.lang,
          "data-theme": theme(),
        }),
      follow: () =>
        tell("iframe.giscus-frame", "https://giscus.app", { giscus: { setConfig: { theme: theme() } } }),
    },
    utterances: {
      load: () =>
        script("https://utteranc.es/client.js", {
          repo: data.repo,
          "issue-term": data.issueTerm ?? "pathname",
          ...(data.label ? { label: data.label } : {}),
          theme: `github-${theme()}`,
        }),
      follow: () =>
        tell("iframe.utterances-frame", "https://utteranc.es", { type: "set-theme", theme: `github-${theme()}` }),
    },
    disqus: {
      load: () => {
        const thread = document.createElement("div");
        thread.id = "disqus_thread";
        comments.append(thread);
        window.disqus_config = function () {
          this.page.url = data.address;
          this.page.identifier = data.page;
        };
        script(`https://${data.shortname}.disqus.com/embed.js`, { "data-timestamp": Date.now() });
      },
      // It looks at the colours of the page when it is loaded.
      follow: () => window.DISQUS?.reset({ reload: true }),
    },
    mastodon: { load: replies, follow: () => {} },
  };

  // The replies to the post on Mastodon as text, and a link to reply there.
  async function replies() {
    const link = document.createElement("a");
    link.href = `https://${data.host}/web/statuses/${encodeURIComponent(data.id)}`;
    link.textContent = `Mastodon (${data.host})`;
    const list = document.createElement("ol");
    comments.append(link, list);
    try {
      const answer = await fetch(`https://${data.host}/api/v1/statuses/${encodeURIComponent(data.id)}/context`);
      if (!answer.ok) throw new Error(`${data.host}: ${answer.status}`);
      for (const reply of (await answer.json()).descendants) {
        const item = document.createElement("li");
        const author = document.createElement("a");
        author.href = /^https:/.test(reply.url) ? reply.url : link.href;
        author.textContent = `${reply.account.display_name || reply.account.username} (@${reply.account.acct})`;
        item.append(author);
        // Text only: nothing of another host becomes part of the page.
        const content = new DOMParser().parseFromString(reply.content, "text/html");
        content.querySelectorAll("br").forEach((line) => line.replaceWith("\n"));
        for (const paragraph of content.querySelectorAll("p")) {
          const line = document.createElement("p");
          line.textContent = paragraph.textContent;
          item.append(line);
        }
        list.append(item);
      }
    } catch (error) {
      status.textContent = error.message;
    }
  }

  const provider = providers[data.provider];
  const button = comments.querySelector("button");
  if (!provider) return;
  button.addEventListener("click", () => {
    button.hidden = true;
    provider.load();
    new MutationObserver(provider.follow).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    system.addEventListener("change", provider.follow);
  });
})();
