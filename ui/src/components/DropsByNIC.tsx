import {useLive} from '../api/live'
import {dropsByNIC} from '../lib/drops'
import {nics as tn, overview as t} from '../texts'
import {Badge} from './Badge'
import {HostNotes} from './HostNotes'
import {Table} from './Layout'
import {NICLink} from './Links'
import {Ago} from './Time'

/** Who was refused most since the page looks. */
export function DropsByNIC() {
  const {drops, dropHosts} = useLive()
  const list = dropsByNIC(drops.rows.filter((r) => r.reason !== 'guard')).slice(0, 8)
  const guard = drops.rows.filter((r) => r.reason === 'guard').reduce((n, r) => n + r.seen, 0)
  return (
    <>
      <HostNotes hosts={dropHosts} />
      {list.length === 0 ? (
        <p className="none">{t.noDrops}</p>
      ) : (
        <Table dense label={t.dropsByNIC} head={[tn.columns.nic, t.reason, t.packets, t.last]}>
          {list.map((d) => (
            <tr key={`${d.nic} ${d.direction} ${d.reason}`}>
              <td>
                <NICLink id={d.nic} />
              </td>
              <td>
                <Badge tone="deny">{d.reason}</Badge> <span className="dim small">{d.direction}</span>
              </td>
              <td className="num">{d.seen.toLocaleString('en')}</td>
              <td>
                <Ago at={d.last} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {guard > 0 && <p className="dim small pad">{t.guardDrops(guard)}</p>}
    </>
  )
}
