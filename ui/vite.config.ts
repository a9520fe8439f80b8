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
  },
})
