import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith("mien-") } } })],
  // The elements start a worker beside them: in development, Vite has to leave them as they are.
  optimizeDeps: { exclude: ["mien-elements"] },
});
