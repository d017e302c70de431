import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The elements start a worker beside them: in development, Vite has to leave them as they are.
export default defineConfig({ plugins: [react()], optimizeDeps: { exclude: ["mien-elements"] } });
