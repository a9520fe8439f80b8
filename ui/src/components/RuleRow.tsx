import type {Rule} from '../api/types'
import {serviceText} from '../lib/service'
import {common, group as t} from '../texts'
import {Badge} from './Badge'
import {GroupLink} from './Links'
import {Icon} from './Icon'
import {Ago} from './Time'

interface Props {
  rule: Rule
  remote: string
  hits: Rule['hits']
  onEdit?: () => void
  onDelete?: () => void
}

export function RuleRow({rule: r, remote, hits, onEdit, onDelete}: Props) {
  return (
    <tr className={r.enabled && !r.inert ? '' : 'faded'}>
      <td className="mono nowrap">{serviceText(r)}</td>
      <td>
        {r.remote_group && !r.remote_cidr ? <GroupLink id={r.remote_group} /> : <span className="mono">{remote}</span>}
      </td>
      <td>
        {r.description && <span>{r.description} </span>}
        {r.origin === 'default' && <Badge>{t.defaultRule}</Badge>} {!r.enabled && <Badge tone="warn">{t.disabled}</Badge>}{' '}
        {r.inert && (
          <Badge tone="warn" title={r.inert}>
            {t.inert[r.inert] ?? r.inert}
          </Badge>
        )}
      </td>
      <td className="num" title={hits ? [hits.counted_since && t.hitsSince(hits.counted_since), !hits.complete && t.hitsIncomplete].filter(Boolean).join('; ') : undefined}>
        {hits ? hits.packets > 0 ? `${hits.packets.toLocaleString('en')}${hits.complete ? '' : '+'}` : <span className="dim">{t.hitsNone}</span> : <span className="dim">–</span>}
      </td>
      <td className="nowrap">{hits?.last_hit_at ? <Ago at={hits.last_hit_at} /> : <span className="dim">–</span>}</td>
      <td className="row-actions">
        {onEdit && (
          <button className="quiet icon" onClick={onEdit} aria-label={`${common.edit}: ${serviceText(r)} ${remote}`} title={common.edit}>
            <Icon name="edit" />
          </button>
        )}
        {onDelete && (
          <button className="quiet icon" onClick={onDelete} aria-label={`${common.delete}: ${serviceText(r)} ${remote}`} title={common.delete}>
            <Icon name="trash" />
          </button>
        )}
      </td>
    </tr>
  )
}
