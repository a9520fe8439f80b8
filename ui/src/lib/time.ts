// Times: the reader's zone in the page, UTC on hover.
import {words as w} from '../texts'

const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false})
const day = new Intl.DateTimeFormat(undefined, {month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false})
const long = new Intl.DateTimeFormat(undefined, {year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit'})

export const clockText = (t: Date) => clock.format(t)

/** A moment as one reads it best: the hour today, the day this year. */
export function momentText(t: Date, now = new Date()): string {
  if (t.toDateString() === now.toDateString()) return clock.format(t)
  return t.getFullYear() === now.getFullYear() ? day.format(t) : long.format(t)
}

export const utcText = (t: Date) => w.utc(t.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ''))

/** "now", "12 s", "5 min", "3 h", "8 d". */
export function ageText(seconds: number): string {
  if (seconds < 2) return w.now
  if (seconds < 90) return `${Math.round(seconds)} ${w.ages.second}`
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${w.ages.minute}`
  if (seconds < 172800) return `${Math.round(seconds / 3600)} ${w.ages.hour}`
  return `${Math.round(seconds / 86400)} ${w.ages.day}`
}

/** The zero time of Go, which stands for "never". */
export const isNever = (t: string | null | undefined) => !t || t.startsWith('0001-')
