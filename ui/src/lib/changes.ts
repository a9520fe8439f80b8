// What a change did, said in words, from the JSON Patch that events and the
// audit log carry.
import type {Change} from '../api/types'
import {words as w} from '../texts'
import {type NameOf, type Remote, type Service, ruleText} from './service'

export interface Said {
  tone: 'open' | 'close' | 'neutral'
  text: string
}

type RuleValue = Service & Remote & {id?: string; direction: string; enabled?: boolean}

const isRule = (v: unknown): v is RuleValue => typeof v === 'object' && v !== null && 'direction' in v && 'protocol' in v

export const kindText = (kind: string) => w.kinds[kind] ?? kind

/** One change in words, the rules that it opened or closed first. */
export function sayChange(c: Change, nameOf: NameOf): Said[] {
  const subject = c.kind === 'security-group' ? nameOf(c.id ?? '') : (c.id ?? '')
  const said: Said[] = []
  const others = new Set<string>()
  for (const p of c.patch) {
    const rule = /^\/rules\/(\d+|-)$/.test(p.path)
    if (c.kind === 'security-group' && rule && p.op === 'add' && isRule(p.value)) {
      said.push({tone: p.value.enabled === false ? 'neutral' : 'open', text: w.ruleAdded(subject, ruleText(p.value, nameOf))})
    } else if (c.kind === 'security-group' && rule && p.op === 'remove') {
      said.push({tone: 'close', text: w.ruleRemoved(subject)})
    } else if (c.kind === 'attachment' && p.path === '' && p.op === 'add') {
      const v = p.value as {group?: string; nic?: string; instance?: string}
      said.push({tone: 'open', text: w.attached(nameOf(v.group ?? c.id ?? ''), v.nic ?? v.instance ?? '')})
    } else if (c.kind === 'attachment' && p.op === 'remove') {
      said.push({tone: 'close', text: w.detached(nameOf(c.id ?? ''))})
    } else if (p.path !== '') {
      others.add(p.path.split('/')[1]?.replaceAll('_', ' ') ?? '')
    }
  }
  if (said.length === 0 || (others.size > 0 && c.action === 'updated')) {
    said.push({tone: 'neutral', text: w.changed(kindText(c.kind), subject, c.action, [...others].join(', '))})
  }
  return said
}
