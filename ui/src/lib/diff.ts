// What differs between two states of one object, field by field.
import type {Rule} from '../api/types'
import {words as w} from '../texts'
import {type NameOf, ruleText} from './service'

export interface Difference {
  field: string
  before: string
  after: string
}

const ignored = new Set(['revision', 'updated_at', 'created_at', 'hits', 'effects', 'inert', 'realization'])

function show(v: unknown): string {
  if (v === null || v === undefined || v === '') return '–'
  if (typeof v === 'object') return JSON.stringify(v)
  return String(v)
}

/** Fields that differ; of rules, those that came, went or changed. */
export function differences(before: object, after: object, nameOf: NameOf): Difference[] {
  const a = before as Record<string, unknown>
  const b = after as Record<string, unknown>
  const out: Difference[] = []
  for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (ignored.has(field)) continue
    if (field === 'rules') out.push(...ruleDifferences((a.rules ?? []) as Rule[], (b.rules ?? []) as Rule[], nameOf))
    else if (JSON.stringify(a[field] ?? null) !== JSON.stringify(b[field] ?? null)) out.push({field: field.replaceAll('_', ' '), before: show(a[field]), after: show(b[field])})
  }
  return out
}

function ruleDifferences(before: Rule[], after: Rule[], nameOf: NameOf): Difference[] {
  const text = (r: Rule | undefined) => (r ? ruleText(r, nameOf) + (r.enabled ? '' : w.disabled) + (r.description ? ` “${r.description}”` : '') : '–')
  const ids = new Set([...before, ...after].map((r) => r.id))
  return [...ids]
    .map((id) => ({field: w.ruleField, before: text(before.find((r) => r.id === id)), after: text(after.find((r) => r.id === id))}))
    .filter((d) => d.before !== d.after)
}
