// Rules from a file: JSON as the API writes them, or CSV with a header.
import type {Group, Rule, RuleWrite} from '../api/types'
import {words as w} from '../texts'
import {formOf, newRule, writeOf} from './ruleform'

export interface Parsed {
  rules: RuleWrite[]
  /** What could not be read, with its line or place. */
  faults: string[]
}

const fields = new Set([
  'id', 'direction', 'family', 'protocol', 'port_min', 'port_max', 'start_port', 'end_port', 'icmp_type', 'icmp_code', 'remote_cidr', 'remote_group', 'description', 'enabled',
])

/** Groups may be called by their names in a file. */
export function groupID(ref: string, groups: Group[]): string {
  return groups.some((g) => g.id === ref) ? ref : (groups.find((g) => g.name === ref)?.id ?? ref)
}

export function parseRules(text: string, groups: Group[]): Parsed {
  const t = text.trim()
  if (!t) return {rules: [], faults: [w.fileEmpty]}
  return t.startsWith('[') || t.startsWith('{') ? parseJSON(t, groups) : parseCSV(t, groups)
}

function parseJSON(text: string, groups: Group[]): Parsed {
  let doc: unknown
  try {
    doc = JSON.parse(text)
  } catch (e) {
    return {rules: [], faults: [w.notJSON((e as Error).message)]}
  }
  const list = Array.isArray(doc) ? doc : ((doc as {rules?: unknown; items?: unknown}).rules ?? (doc as {items?: unknown}).items)
  if (!Array.isArray(list)) return {rules: [], faults: [w.notRules]}
  const faults: string[] = []
  const rules: RuleWrite[] = []
  list.forEach((r: unknown, i) => {
    if (typeof r !== 'object' || r === null) return faults.push(w.notObject(i + 1))
    const kept = Object.fromEntries(Object.entries(r).filter(([k, v]) => fields.has(k) && v !== null)) as RuleWrite
    if (kept.remote_group) kept.remote_group = groupID(kept.remote_group, groups)
    rules.push(kept)
  })
  return {rules, faults}
}

/** Cells of a line, with "…" around what has commas. */
function cells(line: string): string[] {
  const out: string[] = []
  for (const m of line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/g)) {
    out.push(m[1] !== undefined ? m[1].replaceAll('""', '"') : (m[2] ?? '').trim())
    if (m[3] === '') break
  }
  return out
}

function parseCSV(text: string, groups: Group[]): Parsed {
  const lines = text.split(/\r?\n/)
  const header = cells(lines[0]!).map((h) => h.toLowerCase())
  const known = ['direction', 'protocol', 'ports', 'cidr', 'group', 'description', 'family', 'enabled', 'icmp_type', 'icmp_code']
  const strange = header.filter((h) => !known.includes(h))
  if (strange.length || !header.includes('direction') || !header.includes('protocol')) {
    return {rules: [], faults: [strange.length ? w.unknownColumn(strange.join(', '), known.join(', ')) : w.missingColumns]}
  }
  const rules: RuleWrite[] = []
  const faults: string[] = []
  lines.slice(1).forEach((line, i) => {
    if (!line.trim() || line.startsWith('#')) return
    const c = cells(line)
    const get = (name: string) => c[header.indexOf(name)] ?? ''
    if (c.length > header.length) return faults.push(w.tooManyCells(i + 2, c.length, header.length))
    const ports = get('ports')
    if (ports && !/^\d+(-\d+)?$/.test(ports)) return faults.push(w.badPorts(i + 2, ports))
    rules.push({
      ...writeOf({
        ...newRule, direction: get('direction') as 'ingress', protocol: get('protocol'), ports, icmpType: get('icmp_type'), icmpCode: get('icmp_code'),
        family: get('family'), cidr: get('cidr'), group: get('group') && groupID(get('group'), groups), description: get('description'),
        enabled: get('enabled') !== 'false',
      }),
    })
  })
  return {rules, faults}
}

/** The whole set after the import: what the group has, and then what is new by content; or the file's alone. */
export function merged(old: Rule[], added: RuleWrite[], replace: boolean): RuleWrite[] {
  if (replace) return added
  const content = (r: Rule | RuleWrite) => JSON.stringify({...writeOf(formOf(r)), description: '', enabled: true, family: r.family && r.family !== 'any' ? r.family : ''})
  const have = new Set(old.map(content))
  // What the API told may be sent back: what is not a caller's to decide is ignored.
  return [...(old as RuleWrite[]), ...added.filter((r) => !have.has(content(r)))]
}
