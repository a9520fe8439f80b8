import {faultsElsewhere, LostError, ProblemError} from '../api/problem'
import type {Problem} from '../api/types'
import {common as t} from '../texts'

interface Props {
  error: unknown
  /** Pointers whose faults a field shows already. */
  shown?: string[]
  onRetry?: () => void
}

/** Why something was refused, in the API's words, with what no field shows. */
export function ProblemNote({error, shown = [], onRetry}: Props) {
  if (!error) return null
  if (error instanceof LostError) return <div className="note warn" role="alert">{t.lost}</div>
  if (!(error instanceof ProblemError)) return <div className="note deny" role="alert">{String(error)}</div>
  const p = error.problem
  const rest = faultsElsewhere(error, shown)
  return (
    <div className="note deny" role="alert">
      <strong>{p.title}</strong>
      {p.detail && p.detail !== p.title && <p>{p.detail}</p>}
      {rest.length > 0 && (
        <ul>
          {rest.map((e, i) => (
            <li key={i}>
              {e.pointer && <code>{e.pointer}</code>} {e.detail}
            </li>
          ))}
        </ul>
      )}
      <Dependents problem={p} />
      <p className="small dim">
        {p.status} {p.code}
        {p.request_id && <> · {t.requestID(p.request_id)}</>}
        {error.retryAfter && <> · {t.retryAfter(error.retryAfter)}</>}
      </p>
      {onRetry && <button onClick={onRetry}>{t.retry}</button>}
    </div>
  )
}

function Dependents({problem}: {problem: Partial<Problem>}) {
  if (!problem.dependents?.length) return null
  return (
    <ul>
      {problem.dependents.slice(0, 10).map((d, i) => (
        <li key={i}>{Object.entries(d).map(([k, v]) => `${k} ${v}`).join(', ')}</li>
      ))}
    </ul>
  )
}
