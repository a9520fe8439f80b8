// A count or a level over time, in buckets, for at most an hour.

export interface Series {
  /** Seconds of a bucket. */
  step: number
  /** Start of each bucket (seconds since 1970, a multiple of step) → value. */
  buckets: ReadonlyMap<number, number>
}

export const hour = 3600
export const newSeries = (step = 10): Series => ({step, buckets: new Map()})

function put(s: Series, at: Date, change: (old: number | undefined) => number): Series {
  const second = at.getTime() / 1000
  const bucket = Math.floor(second / s.step) * s.step
  const buckets = new Map([...s.buckets].filter(([t]) => t > second - hour - s.step))
  buckets.set(bucket, change(buckets.get(bucket)))
  return {step: s.step, buckets}
}

/** n more at a moment; 0 says that somebody looked and there was nothing. */
export const count = (s: Series, at: Date, n: number) => put(s, at, (old) => (old ?? 0) + n)

/** The highest level in each bucket. */
export const level = (s: Series, at: Date, value: number) => put(s, at, (old) => Math.max(old ?? 0, value))

/** Points from the first that is known, null where nobody looked. */
export function points(s: Series, from: number, to: number): {t: number; v: number | null}[] {
  const out = []
  for (let t = Math.ceil(from / s.step) * s.step; t <= to; t += s.step) out.push({t, v: s.buckets.get(t) ?? null})
  return out
}

export const total = (s: Series) => [...s.buckets.values()].reduce((a, b) => a + b, 0)
