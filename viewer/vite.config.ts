import { defineConfig } from "vite";

export default defineConfig({
  // Files find each other by where they are: their folder's address changes with every build.
  base: "./",
  // A library under vtk.js asks for Node's `events`.
  resolve: { alias: { events: "events/" } },
  worker: {
    format: "es",
    rolldownOptions: { output: { entryFileNames: "part-[name]-[hash].js", chunkFileNames: "part-[name]-[hash].js", assetFileNames: "[name]-[hash][extname]" } },
  },
  build: {
    outDir: "../src/firstread/web/static/tview",
    emptyOutDir: true,
    target: "es2022",
    // No data: URL where a file will do: the page's policy allows no scripts or fonts from them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      input: "src/main.ts",
      output: {
        entryFileNames: "tview.js",
        chunkFileNames: "part-[name]-[hash].js",
        assetFileNames: (asset) => (asset.names.some((name) => name.endsWith(".css")) ? "tview.css" : "[name]-[hash][extname]"),
      },
    },
    cssCodeSplit: false,
  },
});
