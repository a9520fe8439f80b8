import {useQuery} from '@tanstack/react-query'
import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {answerWithETag, api} from '../api/client'
import type {Send} from '../api/mutate'
import type {Rule, RuleWrite} from '../api/types'
import {useDraft} from '../lib/draft'
import {formFaults, formOf, newRule, type RuleForm, writeOf} from '../lib/ruleform'
import {group as tg, ruleForm as t} from '../texts'
import {Conflict} from './Conflict'
import {Dialog} from './Dialog'
import {Loading} from './Layout'
import {ProblemNote} from './ProblemNote'
import {ReviewFoot} from './ReviewFoot'
import {RuleFields, rulePointers} from './RuleFields'
import {useReview} from './useReview'

interface Props {
  group: string
  /** The rule to edit; without it a new one is made. */
  rule?: string
  /** What a new rule begins with. */
  proposal?: RuleWrite
  onClose: () => void
  /** It was made. */
  onDone?: () => void
}

/** A rule that is made or edited; saved only after its dry run was seen. */
export function RuleDialog(p: Props) {
  const {account, nameOf} = useAccountPage()
  const {group, rule} = p
  const base = useQuery({
    queryKey: ['editing', account, group, rule], enabled: rule !== undefined, staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false,
    queryFn: () => answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}/rules/{rule}', {params: {path: {account, group, rule: rule!}}})),
  })
  const title = `${rule ? tg.editRule : tg.newRule} · ${nameOf(group)}`
  return (
    <Dialog title={title} onClose={p.onClose} side>
      {rule === undefined ? (
        <Editor {...p} base={null} etag={null} onReload={() => {}} />
      ) : base.data ? (
        <Editor {...p} base={base.data.data as Rule} etag={base.data.etag} onReload={() => void base.refetch()} />
      ) : base.error ? (
        <ProblemNote error={base.error} />
      ) : (
        <Loading />
      )}
    </Dialog>
  )
}

function Editor({group, rule, proposal, onClose, onDone, base, etag, onReload}: Props & {base: Rule | null; etag: string | null; onReload: () => void}) {
  const {account, nameOf} = useAccountPage()
  const [opened] = useState(base) // what the form began with
  const initial: RuleForm = opened ? formOf(opened) : proposal ? {...newRule, ...formOf(proposal)} : newRule
  const draft = useDraft(`${account} ${group} ${rule ?? `new ${proposal ? JSON.stringify(proposal) : ''}`}`, initial)
  const body = writeOf(draft.value)
  const send: Send = (o) =>
    rule
      ? api.PUT('/v1/accounts/{account}/security-groups/{group}/rules/{rule}', {params: {path: {account, group, rule}, ...o}, body})
      : api.POST('/v1/accounts/{account}/security-groups/{group}/rules', {params: {path: {account, group}, query: o.query, header: {Prefer: o.header.Prefer}}, body})
  const review = useReview({
    subject: JSON.stringify([body, etag]), send, etag,
    onDone: () => {
      draft.clear()
      onClose()
      onDone?.()
    },
  })
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (Object.keys(formFaults(draft.value)).length === 0) void review.review()
      }}
    >
      {draft.found && (
        <p className="note accent">
          {t.draft}{' '}
          <button type="button" className="link" onClick={draft.clear}>
            {t.discard}
          </button>
        </p>
      )}
      <RuleFields form={draft.value} onChange={draft.set} error={review.error} />
      <ReviewFoot
        review={review} onCancel={onClose} shown={rulePointers}
        conflict={
          rule && opened && (
            <Conflict
              load={async () => (await answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}/rules/{rule}', {params: {path: {account, group, rule}}}))).data}
              before={opened} nameOf={nameOf}
              onTakeOver={() => {
                review.forget()
                onReload()
              }}
            />
          )
        }
      />
    </form>
  )
}
