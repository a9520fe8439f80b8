import {useQuery} from '@tanstack/react-query'

import {isStatus} from '../api/problem'
import {differences} from '../lib/diff'
import type {NameOf} from '../lib/service'
import {review as t} from '../texts'

interface Props {
  load: () => Promise<unknown>
  before: object
  nameOf: NameOf
  onTakeOver: () => void
}

/** Somebody was faster: what changed, and how to go on without losing anything. */
export function Conflict({load, before, nameOf, onTakeOver}: Props) {
  const now = useQuery({queryKey: ['conflict', before], queryFn: load, gcTime: 0, staleTime: 0})
  const list = now.data ? differences(before, now.data as object, nameOf) : []
  return (
    <div className="note warn" role="alert">
      <strong>{t.conflict}</strong>
      {isStatus(now.error, 404) ? (
        <p>{t.gone}</p>
      ) : (
        <>
          <p>{t.conflictHint}</p>
          {now.data !== undefined && list.length === 0 && <p>{t.conflictSame}</p>}
          <ul className="differences">
            {list.map((d, i) => (
              <li key={i}>
                <b>{d.field}</b> <del>{d.before}</del> <span aria-hidden="true">→</span> <ins>{d.after}</ins>
              </li>
            ))}
          </ul>
          <button type="button" onClick={onTakeOver}>
            {t.takeOver}
          </button>
        </>
      )}
    </div>
  )
}
