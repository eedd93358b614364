// Tables of results that are sorted by a click on the head of a column, and put back by the third.
for (const table of document.querySelectorAll(".labpress-sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  heads.forEach((head, column) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    const text = (row) => row.cells[column].textContent;
    const number = (row) => parseFloat(row.cells[column].dataset.value);
    const isNumeric = rows.some((row) => !isNaN(number(row)));
    const compare = (a, b) => isNumeric ? number(a) - number(b) : text(a).localeCompare(text(b), undefined, { numeric: true });
    button.addEventListener("click", () => {
      const order = next[head.getAttribute("aria-sort") || "none"];
      for (const other of heads) other.removeAttribute("aria-sort");
      let sorted = rows;
      if (order !== "none") {
        head.setAttribute("aria-sort", order);
        // Rows without a number stay last.
        const last = isNumeric ? rows.filter((row) => isNaN(number(row))) : [];
        sorted = rows.filter((row) => !last.includes(row)).sort(compare);
        if (order === "descending") sorted.reverse();
        sorted.push(...last);
      }
      body.append(...sorted);
    });
  });
}
