import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The elements start a worker beside them: in development, Vite has to leave them as they are.
export default defineConfig({ plugins: [svelte()], optimizeDeps: { exclude: ["mien-elements"] } });
