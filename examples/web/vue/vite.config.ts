import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith("mien-") } } })],
  // The elements start a worker from their own folder, so Vite must not bundle them in development.
  optimizeDeps: { exclude: ["mien-elements"] },
});
