import {defineConfig} from 'vite'

export default defineConfig({
  base: '/ui/',
  esbuild: {jsx: 'automatic'},
  build: {
    outDir: '../console/static/built',
    emptyOutDir: true,
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    // "use client" in libraries is for servers that render; there is none here.
    rollupOptions: {onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning)},
  },
})
