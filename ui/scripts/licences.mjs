// Writes src/generated/licences.json: name, version, licence and text of every
// package that the bundle may hold, which are the dependencies and theirs.
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const found = new Map()

function visit(name, from) {
  let dir = from
  for (;;) {
    const candidate = path.join(dir, 'node_modules', name)
    if (fs.existsSync(path.join(candidate, 'package.json'))) return add(candidate)
    const parent = path.dirname(dir)
    if (parent === dir) throw new Error(`${name}, wanted by ${from}, is not installed: npm ci`)
    dir = parent
  }
}

function add(dir) {
  const pkg = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'))
  const key = `${pkg.name}@${pkg.version}`
  if (found.has(key)) return
  const file = fs.readdirSync(dir).find((f) => /^(licen[cs]e|copying|unlicense)(\..*)?$/i.test(f))
  found.set(key, {
    name: pkg.name,
    version: pkg.version,
    licence: typeof pkg.license === 'string' ? pkg.license : (pkg.license?.type ?? 'see text'),
    text: file ? fs.readFileSync(path.join(dir, file), 'utf8').trim() : '',
  })
  for (const dep of Object.keys(pkg.dependencies ?? {})) visit(dep, dir)
}

const own = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
for (const name of Object.keys(own.dependencies)) visit(name, root)
const list = [...found.values()].sort((a, b) => a.name.localeCompare(b.name))
fs.mkdirSync(path.join(root, 'src/generated'), {recursive: true})
fs.writeFileSync(path.join(root, 'src/generated/licences.json'), JSON.stringify(list, null, 1) + '\n')
console.log(`licences of ${list.length} packages`)
