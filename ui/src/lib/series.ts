// What the API knows of the last hour, as a chart draws it.
import type {Activity} from '../api/types'

export type Point = Activity['points'][number]

export interface Step {
  /** Start, in seconds since 1970. */
  t: number
  /** null: not known. */
  v: number | null
}

const hour = 3600

/** Every step of the hour before now (seconds since 1970); what the API has no point for is not known. */
export function lastHour(a: Activity | undefined, value: (p: Point) => number | null, now: number): Step[] {
  const step = a?.step_seconds ?? 30
  const known = new Map(a?.points.map((p) => [Date.parse(p.at) / 1000, value(p)]))
  const end = Math.floor(now / step) * step
  return Array.from({length: hour / step}, (_, i) => end - hour + (i + 1) * step).map((t) => ({t, v: known.get(t) ?? null}))
}

const values = (steps: Step[]) => steps.flatMap((s) => (s.v === null ? [] : [s.v]))

/** The sum of what is known, null if nothing is. */
export const total = (steps: Step[]) => (values(steps).length ? values(steps).reduce((a, b) => a + b, 0) : null)

/** The highest that is known, null if nothing is. */
export const highest = (steps: Step[]) => (values(steps).length ? Math.max(...values(steps)) : null)
