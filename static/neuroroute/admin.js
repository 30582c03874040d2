// What unfold's own scripts leave undone.

// Tabs wrap on a small screen (admin.css): none has to go into a menu, where the one that is open would be out of sight.
document.addEventListener("DOMContentLoaded", () => document.getElementById("tabs-dropdown")?.parentElement.remove());

// Select2 gives no name to the field in which one types to search: it is that of the select beside it.
new MutationObserver(() => {
  for (const field of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
    const select = field.closest(".select2-container").previousElementSibling;
    field.setAttribute("aria-label", select?.labels?.[0]?.textContent.trim() || "Search");
  }
  // Nor to one in which nothing is chosen.
  for (const field of document.querySelectorAll(".select2-selection__rendered:not([title])")) {
    if (field.textContent.trim()) continue;
    const select = field.closest(".select2-container").previousElementSibling;
    field.title = `${select?.labels?.[0]?.textContent.trim() || "Choice"}: none`;
  }
}).observe(document.documentElement, { childList: true, subtree: true });
