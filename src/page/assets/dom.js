/** Elements, made without markup: whatever is said in them is text. */

/** Make an element: attributes, and children that are elements or texts. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

export const at = (id) => document.getElementById(id);

/** Change a text only where it is another: what is unchanged is not laid out again, nor read out. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The colour that a custom property of the style names now, in light or in dark. */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Call `changed` when light becomes dark, or dark light. */
export const onScheme = (changed) => dark.addEventListener('change', changed);
