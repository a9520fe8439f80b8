import type {HostAnswer} from '../api/types'
import {common} from '../texts'

/** What hosts that were asked did not tell: a list without it is not all there is. */
export function HostNotes({hosts = []}: {hosts?: HostAnswer[]}) {
  const silent = hosts.filter((h) => h.error).map((h) => h.host)
  const more = hosts.filter((h) => h.truncated).map((h) => h.host)
  return (
    <>
      {silent.length > 0 && (
        <p className="note warn" role="status">
          {common.silentHosts(silent)}
        </p>
      )}
      {more.length > 0 && (
        <p className="note warn" role="status">
          {common.hostsHaveMore(more)}
        </p>
      )}
    </>
  )
}
