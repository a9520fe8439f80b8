// What the other end of a rule says to what the rule opens.
import type {Matrix, OtherEnd} from '../api/types'
import type {Picture} from './edges'

/** "unknown": the other end is no group of ours, or none of its NICs meets one of the rule's. */
export type Standing = 'open' | 'partly' | 'blocked' | 'unknown'

export function standingOf(o: OtherEnd | null | undefined): Standing {
  const meets = o ? o.nics - o.apart : 0
  if (!o || meets <= 0) return 'unknown'
  if (o.blocked >= meets) return 'blocked'
  return o.allowed >= meets ? 'open' : 'partly'
}

const rank: Standing[] = ['unknown', 'blocked', 'partly', 'open']

/** Of several rules between the same ends: what the most lets through. */
export const best = (a: Standing, b: Standing): Standing => (rank.indexOf(a) >= rank.indexOf(b) ? a : b)

export const ruleKey = (group: string, rule: string) => `${group}/${rule}`

export const otherEnds = (m: Matrix | undefined) => new Map((m?.entries ?? []).map((e) => [ruleKey(e.group, e.rule), e.other_end]))

/** The picture with the standing of each edge. */
export function judged(p: Picture, m: Matrix | undefined): Picture {
  if (!m) return p
  const ends = otherEnds(m)
  return {
    nodes: p.nodes,
    edges: p.edges.map((e) => ({...e, standing: e.rules.map((r) => standingOf(ends.get(ruleKey(r.group, r.id)))).reduce(best, 'unknown')})),
  }
}
