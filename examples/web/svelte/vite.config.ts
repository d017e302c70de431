import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The elements start a worker from their own folder, so Vite must not bundle them in development.
export default defineConfig({ plugins: [svelte()], optimizeDeps: { exclude: ["mien-elements"] } });
