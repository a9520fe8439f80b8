import {useEffect, useState} from 'react'

import {ageText, isNever, momentText, utcText} from '../lib/time'
import {words as w} from '../texts'

/** A moment in the reader's zone, in UTC on hover. */
export function Time({at}: {at: string | Date | null | undefined}) {
  if (!at || (typeof at === 'string' && isNever(at))) return <span className="dim">–</span>
  const t = new Date(at)
  return (
    <time dateTime={t.toISOString()} title={utcText(t)} className="num">
      {momentText(t)}
    </time>
  )
}

/** How long ago, kept up to date. */
export function Ago({at}: {at: string | Date | null | undefined}) {
  const now = useNow(1000)
  if (!at || (typeof at === 'string' && isNever(at))) return <span className="dim">–</span>
  const t = new Date(at)
  const age = ageText(Math.max(0, (now - t.getTime()) / 1000))
  return (
    <time dateTime={t.toISOString()} title={utcText(t)} className="num">
      {age === w.now ? age : w.ago(age)}
    </time>
  )
}

export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
