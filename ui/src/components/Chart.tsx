import {useId, useState} from 'react'

import {hour, points, type Series, total} from '../lib/series'
import {clockText} from '../lib/time'
import {live as t} from '../texts'
import {useNow} from './Time'

interface Props {
  title: string
  series: Series
  /** Since when anybody looks; nothing is drawn before. */
  since: Date | null
  unit: (v: number) => string
  tone: 'deny' | 'accent' | 'warn'
  /** Sum of the window, or the highest value. */
  sum?: boolean
}

const width = 360
const height = 72

/** Bars over the last hour. What nobody looked at is empty, and said to be. */
export function Chart({title, series, since, unit, tone, sum}: Props) {
  const id = useId()
  const now = useNow(5000) / 1000
  const [at, setAt] = useState<number | null>(null)
  // A short look is drawn over ten minutes: an hour of nothing says nothing.
  const span = since && now - since.getTime() / 1000 > 600 ? hour : 600
  const list = points(series, now - span, now)
  const values = list.map((p) => p.v ?? 0)
  const max = Math.max(1, ...values)
  const bar = width / Math.max(1, list.length)
  const summary = sum ? total(series) : Math.max(0, ...series.buckets.values())
  const point = at === null ? null : list[at]
  return (
    <figure className={`chart ${tone}`} aria-labelledby={id}>
      <figcaption id={id}>
        <span>{title}</span> <b className="num">{point ? (point.v === null ? t.notLooked : unit(point.v)) : unit(summary)}</b>
        <span className="dim small num">{point ? clockText(new Date(point.t * 1000)) : since ? t.since(clockText(since)) : t.notYet}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${unit(summary)}`}
        onMouseMove={(e) => {
          const box = e.currentTarget.getBoundingClientRect()
          setAt(Math.min(list.length - 1, Math.max(0, Math.floor(((e.clientX - box.left) / box.width) * list.length))))
        }}
        onMouseLeave={() => setAt(null)}
      >
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} className="axis" />
        {list.map((p, i) =>
          p.v === null ? (
            <rect key={p.t} x={i * bar} y={height - 2} width={bar} height="2" className="unknown" />
          ) : (
            <rect key={p.t} x={i * bar + bar * 0.1} width={bar * 0.8} y={height - Math.max(p.v > 0 ? 2 : 0, (p.v / max) * (height - 6))} height={Math.max(p.v > 0 ? 2 : 0, (p.v / max) * (height - 6))} className={i === at ? 'bar on' : 'bar'} />
          ),
        )}
      </svg>
      <div className="chart-axis dim small num" aria-hidden="true">
        <span>{clockText(new Date((now - span) * 1000))}</span>
        <span>{t.max(unit(max))}</span>
        <span>{t.now}</span>
      </div>
    </figure>
  )
}
