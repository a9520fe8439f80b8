import {useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {answerWithETag, api} from '../api/client'
import {useReferences} from '../api/queries'
import type {Group} from '../api/types'
import {useDraft} from '../lib/draft'
import {common, group as t, groups as tg} from '../texts'
import {Conflict} from './Conflict'
import {GroupFields, groupFormOf, groupPointers, groupWriteOf} from './GroupFields'
import {Panel} from './Layout'
import {GroupLink} from './Links'
import {ReviewFoot} from './ReviewFoot'
import {Shares} from './Shares'
import {Time} from './Time'
import {useReview} from './useReview'

/** What a group is, and what is about it elsewhere. */
export function GroupSettings({group, etag}: {group: Group; etag: string | null}) {
  const {rights} = useWho()
  return (
    <div className="columns">
      <Panel title={t.tabs.settings}>{rights.write ? <SettingsForm group={group} etag={etag} /> : <Shown group={group} />}</Panel>
      <div>
        <About group={group} />
        <Shares group={group} />
      </div>
    </div>
  )
}

function SettingsForm({group, etag}: {group: Group; etag: string | null}) {
  const {account, nameOf} = useAccountPage()
  const [base, setBase] = useState({group, etag})
  const draft = useDraft(`${account} settings ${group.id}`, groupFormOf(base.group))
  const body = groupWriteOf(draft.value, base.group)
  const load = () => answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}', {params: {path: {account, group: group.id}}}))
  const review = useReview({
    subject: JSON.stringify([body, base.etag]), etag: base.etag,
    send: (o) => api.PATCH('/v1/accounts/{account}/security-groups/{group}', {params: {path: {account, group: group.id}, ...o}, body}),
    onDone: () => {
      draft.clear()
      void load().then((r) => setBase({group: r.data as Group, etag: r.etag}))
    },
  })
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        void review.review()
      }}
    >
      <GroupFields form={draft.value} onChange={draft.set} error={review.error} fixedName={group.is_default} />
      {(draft.changed || review.error !== null) && (
        <ReviewFoot
          review={review} shown={groupPointers}
          onCancel={() => {
            draft.clear()
            review.forget()
          }}
          conflict={
            <Conflict
              load={async () => (await load()).data} before={base.group} nameOf={nameOf}
              onTakeOver={() => {
                review.forget()
                void load().then((r) => setBase({group: r.data as Group, etag: r.etag}))
              }}
            />
          }
        />
      )}
    </form>
  )
}

function Shown({group: g}: {group: Group}) {
  return (
    <dl className="facts">
      <dt>{tg.name}</dt>
      <dd>{g.name}</dd>
      <dt>{tg.description}</dt>
      <dd>{g.description || common.none}</dd>
      <dt>{tg.egress}</dt>
      <dd>{g.egress_policy}</dd>
    </dl>
  )
}

function About({group: g}: {group: Group}) {
  const {account} = useAccountPage()
  const refs = useReferences(account, g.id)
  const by = [...new Set(refs.data?.rules.map((r) => r.group).filter((id) => id !== g.id))]
  return (
    <Panel>
      <dl className="facts">
        <dt>ID</dt>
        <dd className="mono">{g.id}</dd>
        <dt>{t.scope}</dt>
        <dd>{g.network_scope === 'any' ? t.scopeAny : g.networks.join(', ') || common.none}</dd>
        <dt>{t.usedBy}</dt>
        <dd className="wrap-list">{by.length ? by.map((id) => <GroupLink key={id} id={id} />) : common.none}</dd>
        <dt>{t.created}</dt>
        <dd>
          <Time at={g.created_at} />
        </dd>
        <dt>{t.changed}</dt>
        <dd>
          <Time at={g.updated_at} /> <span className="dim small">{t.revision(g.revision)}</span>
        </dd>
      </dl>
    </Panel>
  )
}
