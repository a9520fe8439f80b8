import type {QueryKey} from '@tanstack/react-query'

import {useTruncation} from '../api/queries'
import {common} from '../texts'

/** Says that a list ends before its end, and so do searches in it. */
export function Truncated({of}: {of: QueryKey}) {
  const n = useTruncation(of)
  return n === null ? null : (
    <p className="note warn" role="status">
      {common.cutShort(n)}
    </p>
  )
}
