/** As much of a page as the modules ask for when they are loaded. */
Object.assign(globalThis, {
  document: { documentElement: { lang: "en" }, baseURI: "http://localhost/", querySelector: () => null },
});
