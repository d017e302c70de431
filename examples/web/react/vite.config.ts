import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The elements start a worker from their own folder, so Vite must not bundle them in development.
export default defineConfig({ plugins: [react()], optimizeDeps: { exclude: ["mien-elements"] } });
