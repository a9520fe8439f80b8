import {useAccountPage} from '../api/account'
import {api} from '../api/client'
import {useDraft} from '../lib/draft'
import {groups as t} from '../texts'
import {Dialog} from './Dialog'
import {GroupFields, groupPointers, groupWriteOf, newGroup} from './GroupFields'
import {ReviewFoot} from './ReviewFoot'
import {useReview} from './useReview'

export function GroupCreate({onClose, onCreated}: {onClose: () => void; onCreated: (id: string) => void}) {
  const {account} = useAccountPage()
  const draft = useDraft(`${account} new group`, newGroup)
  const body = groupWriteOf(draft.value)
  const review = useReview({
    subject: JSON.stringify(body), etag: null,
    send: (o) => api.POST('/v1/accounts/{account}/security-groups', {params: {path: {account}, query: o.query, header: {Prefer: o.header.Prefer}}, body}),
    onDone: (d) => {
      draft.clear()
      onClose()
      onCreated((d.data as {id: string}).id)
    },
  })
  return (
    <Dialog title={t.createTitle} onClose={onClose} side>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void review.review()
        }}
      >
        <GroupFields form={draft.value} onChange={draft.set} error={review.error} />
        <ReviewFoot review={review} onCancel={onClose} shown={groupPointers} />
      </form>
    </Dialog>
  )
}
