// The parts that every page is made of.
import {type ReactNode, useEffect, useRef} from 'react'

import {common} from '../texts'

/** The head of a page: what it is, what may be done with it. The window is called so, too. */
export function PageHead({title, hint, children, crumb}: {title: ReactNode; hint?: ReactNode; children?: ReactNode; crumb?: ReactNode}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${heading.current!.textContent} · ${common.product}`
  })
  return (
    <header className="page-head">
      <div>
        {crumb && <p className="crumb">{crumb}</p>}
        <h1 ref={heading}>{title}</h1>
        {hint && <p className="hint">{hint}</p>}
      </div>
      {children && <div className="actions">{children}</div>}
    </header>
  )
}

export function Panel({title, aside, children, flush, className = ''}: {title?: ReactNode; aside?: ReactNode; children: ReactNode; flush?: boolean; className?: string}) {
  return (
    <section className={`panel ${flush ? 'flush' : ''} ${className}`}>
      {(title || aside) && (
        <header>
          {title && <h2>{title}</h2>}
          {aside && <div className="aside">{aside}</div>}
        </header>
      )}
      <div className="panel-body">{children}</div>
    </section>
  )
}

/** What stands where there is nothing yet: what to do first. */
export function Empty({title, children}: {title: string; children?: ReactNode}) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  )
}

export const Loading = () => (
  <p className="loading" role="status">
    {common.loading}
  </p>
)

/** A table that scrolls by itself where the screen is narrow. */
export function Table({label, head, children, dense}: {label: string; head: ReactNode[]; children: ReactNode; dense?: boolean}) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className={dense ? 'dense' : ''}>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th key={i} scope="col">
                {h === '' ? <span className="visually-hidden">{common.actions}</span> : h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** A number with its name, as the overview has in a row. */
export function Figure({name, value, tone, note}: {name: ReactNode; value: ReactNode; tone?: string; note?: ReactNode}) {
  return (
    <div className={`figure ${tone ?? ''}`}>
      <dt>{name}</dt>
      <dd>
        {value}
        {note && <span className="figure-note">{note}</span>}
      </dd>
    </div>
  )
}
