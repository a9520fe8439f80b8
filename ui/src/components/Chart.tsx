import {useId, useState} from 'react'

import type {Activity} from '../api/types'
import {highest, lastHour, type Point, total} from '../lib/series'
import {clockText} from '../lib/time'
import {live as t} from '../texts'
import {useNow} from './Time'

interface Props {
  title: string
  activity: Activity | undefined
  value: (p: Point) => number | null
  unit: (v: number) => string
  /** What is not known, and why. */
  unknown: string
  tone: 'deny' | 'accent' | 'warn'
  /** Sum of the window, or the highest value. */
  sum?: boolean
}

const width = 360
const height = 72

/** Bars over the last hour. What the API has not seen is empty, and said to be. */
export function Chart({title, activity, value, unit, unknown, tone, sum}: Props) {
  const id = useId()
  const now = useNow(5000) / 1000
  const [at, setAt] = useState<number | null>(null)
  const steps = lastHour(activity, value, now)
  const max = Math.max(1, highest(steps) ?? 0)
  const bar = width / steps.length
  const tall = (v: number) => Math.max(v > 0 ? 2 : 0, (v / max) * (height - 6))
  const all = sum ? total(steps) : highest(steps)
  const point = at === null ? null : steps[at]
  const told = (v: number | null) => (v === null ? unknown : unit(v))
  const gaps = steps.filter((s) => s.v === null).length
  return (
    <figure className={`chart ${tone}`} aria-labelledby={id}>
      <figcaption id={id}>
        <span>{title}</span> <b className="num">{told(point ? point.v : all)}</b>
        <span className="dim small num">{point ? clockText(new Date(point.t * 1000)) : gaps ? t.gaps(Math.round((steps.length - gaps) / (60 / (activity?.step_seconds ?? 30)))) : t.wholeHour}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${told(all)}`}
        onMouseMove={(e) => {
          const box = e.currentTarget.getBoundingClientRect()
          setAt(Math.min(steps.length - 1, Math.max(0, Math.floor(((e.clientX - box.left) / box.width) * steps.length))))
        }}
        onMouseLeave={() => setAt(null)}
      >
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} className="axis" />
        {steps.map((s, i) =>
          s.v === null ? (
            <rect key={s.t} x={i * bar} y={height - 2} width={bar} height="2" className="unknown" />
          ) : (
            <rect key={s.t} x={i * bar + bar * 0.1} width={bar * 0.8} y={height - tall(s.v)} height={tall(s.v)} className={i === at ? 'bar on' : 'bar'} />
          ),
        )}
      </svg>
      <div className="chart-axis dim small num" aria-hidden="true">
        <span>{clockText(new Date((now - 3600) * 1000))}</span>
        <span>{t.max(unit(max))}</span>
        <span>{t.now}</span>
      </div>
    </figure>
  )
}
