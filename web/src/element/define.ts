/** Register an element under its name, once. */

export function define(name: string, constructor: CustomElementConstructor): void {
  if (globalThis.customElements !== undefined && customElements.get(name) === undefined) {
    customElements.define(name, constructor);
  }
}
