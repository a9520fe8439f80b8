import {useAccountPage} from '../api/account'
import type {Connection} from '../api/types'
import {common, nics as t} from '../texts'
import {ConnectionText} from './ChangePreview'
import {Table} from './Layout'
import {GroupLink, NICLink} from './Links'

/** Open connections with what admitted each. */
export function ConnectionTable({items, withNIC, limit = 200}: {items: Connection[]; withNIC?: boolean; limit?: number}) {
  return (
    <>
      <Table dense label={t.connections} head={[...(withNIC ? [t.columns.nic] : []), t.connColumns.direction, t.connColumns.packet, t.connColumns.state, t.connColumns.by]}>
        {items.slice(0, limit).map((c, i) => (
          <tr key={`${c.nic} ${c.direction} ${c.source}:${c.source_port} ${c.destination}:${c.port} ${c.protocol} ${i}`}>
            {withNIC && (
              <td>
                <NICLink id={c.nic} />
              </td>
            )}
            <td>{c.direction}</td>
            <td>
              <ConnectionText connection={c} />
            </td>
            <td className="dim small">{c.state ?? '–'}</td>
            <td>
              <Admitted connection={c} />
            </td>
          </tr>
        ))}
      </Table>
      {items.length > limit && <p className="dim small pad">{common.truncated(limit)}</p>}
    </>
  )
}

function Admitted({connection: c}: {connection: Connection}) {
  const {group} = useAccountPage()
  if (c.reason !== 'rule' || !c.group) return <span className="dim">{t.admitted[c.reason] ?? c.reason}</span>
  const rule = group(c.group)?.rules.find((r) => r.id === c.rule)
  return (
    <>
      <GroupLink id={c.group} /> <span className="dim small">{rule?.description || (rule ? '' : c.rule)}</span>
    </>
  )
}
