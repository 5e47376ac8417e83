/** What the DOM of the tests lacks: a layout. Elements get the height of a small window. */

Object.defineProperty(HTMLElement.prototype, "clientHeight", { configurable: true, get: () => 512 });
