---
---
var accent = "{{ site.accent }}";
