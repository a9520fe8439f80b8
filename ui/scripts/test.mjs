// Runs src/**/*.test.ts with Node's own test runner; esbuild, which comes with
// Vite, makes JavaScript of them.
import {spawnSync} from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import {fileURLToPath} from 'node:url'

import {build} from 'esbuild'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const out = path.join(root, 'node_modules/.tests')
const tests = fs.readdirSync(path.join(root, 'src/lib')).filter((f) => f.endsWith('.test.ts'))
fs.rmSync(out, {recursive: true, force: true})
await build({
  entryPoints: tests.map((f) => path.join(root, 'src/lib', f)), outdir: out, bundle: true, platform: 'node', format: 'esm', outExtension: {'.js': '.mjs'}, logLevel: 'warning',
})
const files = tests.map((f) => path.join(out, f.replace(/\.ts$/, '.mjs')))
process.exit(spawnSync(process.execPath, ['--test', ...files], {stdio: 'inherit'}).status ?? 1)
