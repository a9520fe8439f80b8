import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {api} from '../api/client'
import type {Group} from '../api/types'
import {group as t} from '../texts'
import {ConfirmDialog} from './ConfirmDialog'
import {CheckField} from './Field'

export function GroupDelete({group, onClose, onDeleted}: {group: Group; onClose: () => void; onDeleted: () => void}) {
  const {account} = useAccountPage()
  const [attachments, setAttachments] = useState(false)
  const [references, setReferences] = useState(false)
  const cascade: ('attachments' | 'references')[] = [...(attachments ? ['attachments' as const] : []), ...(references ? ['references' as const] : [])]
  return (
    <ConfirmDialog
      title={`${t.deleteGroup} ${group.name}`} subject={cascade.join()} danger onClose={onClose} onDone={onDeleted}
      send={(o) =>
        api.DELETE('/v1/accounts/{account}/security-groups/{group}', {
          params: {path: {account, group: group.id}, query: {...o.query, ...(cascade.length ? {cascade} : {})}, header: o.header},
        })
      }
    >
      <p className="hint">{t.deleteGroupHint}</p>
      <CheckField label={t.cascadeAttachments} checked={attachments} onChange={(e) => setAttachments(e.target.checked)} />
      <CheckField label={t.cascadeReferences} checked={references} onChange={(e) => setReferences(e.target.checked)} />
    </ConfirmDialog>
  )
}
