// What on this page is too small to be pressed (WCAG 2.5.8), and what scrolls sideways that is neither table, drawing nor code?
// Called with the least size in CSS pixels. All is unfolded for it; a menu, a dialog and what scrolls in a frame of its own are worlds
// of their own: what lies under or outside of them is not beside what is in them.
(least) => {
  document.querySelectorAll("details").forEach((one) => (one.open = true));
  const PRESSED = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab]";
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[hidden], dialog:not([open])");
  const labelled = (one) => one.labels?.length && ["radio", "checkbox"].includes(one.type) ? one.labels[0] : one;
  const row = (one) => (one.matches("tr.row a.open") ? one.closest("tr") : one); // the link covers its row

  // A link in a line of text is as high as the line.
  const inSentence = (one) => {
    if (one.tagName !== "A" || getComputedStyle(one).display !== "inline") return false;
    const around = one.parentElement.cloneNode(true);
    around.querySelectorAll(`${PRESSED}, .hidden-text`).forEach((other) => other.remove());
    return /[\p{L}\p{N}]/u.test(around.textContent);
  };
  const describe = ({ one, box }) => `${one.outerHTML.slice(0, 110)} ${Math.round(box.width)}x${Math.round(box.height)}`;
  const world = (one) => one.closest(".sheet, dialog, .scroll") ?? document.body;

  const targets = [...document.querySelectorAll(PRESSED)].filter(seen)
    .map((one) => ({ one, world: world(one), box: row(labelled(one)).getBoundingClientRect() }))
    .filter(({ box }) => box.width > 1 && box.height > 1); // else it is for screen readers, or until it has the focus
  const small = targets.filter(({ box }) => box.width < least || box.height < least);
  const middle = (box) => [box.x + box.width / 2, box.y + box.height / 2];
  const reaches = ([x, y], box) => Math.hypot(Math.max(box.left - x, x - box.right, 0), Math.max(box.top - y, y - box.bottom, 0)) < least / 2;
  const crowded = (it) => targets.some((other) => {
    if (other === it || other.world !== it.world || other.one.contains(it.one) || it.one.contains(other.one)) return false;
    if (row(other.one).contains(it.one)) return false; // it lies over a row that is a link itself
    if (reaches(middle(it.box), other.box)) return true;
    const [x, y] = middle(it.box), [u, v] = middle(other.box);
    return small.includes(other) && Math.hypot(x - u, y - v) < least;
  });
  const bad = small.filter((it) => !inSentence(it.one) && crowded(it));
  const elsewhere = (it) => targets.some((other) => !bad.includes(other) && other.one.hasAttribute("href")
    && other.one.getAttribute("href") === it.one.getAttribute("href"));
  const wide = [...document.querySelectorAll("main *, .top *")].filter(seen).filter((one) =>
    one.scrollWidth > one.clientWidth && ["auto", "scroll"].includes(getComputedStyle(one).overflowX)
    && !one.querySelector("table, svg") && !one.matches("pre, nav, input, textarea, select"));
  return {
    targets: targets.length,
    small: bad.filter((it) => !elsewhere(it)).map(describe), // what a link that is large enough does, too, is excused
    wide: wide.map((one) => one.outerHTML.slice(0, 110)),
    page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
}
