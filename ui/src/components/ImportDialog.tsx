import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {answerWithETag, api} from '../api/client'
import type {Group} from '../api/types'
import {merged, parseRules} from '../lib/importer'
import {ruleText} from '../lib/service'
import {importing as t} from '../texts'
import {Conflict} from './Conflict'
import {Choice} from './Field'
import {Dialog} from './Dialog'
import {ReviewFoot} from './ReviewFoot'
import {useReview} from './useReview'

/** Rules from a file, put in force at once or not at all. */
export function ImportDialog({group, etag, onClose}: {group: Group; etag: string | null; onClose: () => void}) {
  const {account, groups, nameOf} = useAccountPage()
  // The set is put as a whole: the ETag of when this was opened keeps others' changes.
  const [base, setBase] = useState({group, etag})
  const [text, setText] = useState('')
  const [mode, setMode] = useState<'add' | 'replace'>('add')
  const parsed = text.trim() ? parseRules(text, groups) : null
  const body = {rules: parsed ? merged(base.group.rules, parsed.rules, mode === 'replace') : []}
  const review = useReview({
    subject: JSON.stringify([body, base.etag]), etag: base.etag, onDone: onClose,
    send: (o) => api.PUT('/v1/accounts/{account}/security-groups/{group}/rules', {params: {path: {account, group: group.id}, ...o}, body}),
  })
  const load = () => answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}', {params: {path: {account, group: group.id}}}))
  const ready = parsed !== null && parsed.faults.length === 0 && parsed.rules.length > 0
  return (
    <Dialog title={`${t.title} · ${group.name}`} onClose={onClose} side>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void review.review()
        }}
      >
        <p className="hint">{t.hint}</p>
        <div className="field">
          <label htmlFor="import-file">{t.file}</label>
          <input id="import-file" type="file" accept=".json,.csv,.txt" onChange={(e) => void e.target.files?.[0]?.text().then(setText)} />
        </div>
        <div className="field">
          <label htmlFor="import-text">{t.paste}</label>
          <textarea id="import-text" className="mono" rows={8} value={text} onChange={(e) => setText(e.target.value)} placeholder={t.example} spellCheck={false} />
        </div>
        <Choice label={t.mode} value={mode} options={[['add', t.add], ['replace', t.replace]]} onChange={setMode} />
        {parsed && (
          <div className={`note ${parsed.faults.length ? 'deny' : 'accent'}`} role="status">
            {t.read(parsed.rules.length)}
            {parsed.faults.length > 0 && (
              <ul>
                {parsed.faults.slice(0, 20).map((f) => (
                  <li key={f}>{f}</li>
                ))}
              </ul>
            )}
            {parsed.faults.length === 0 && (
              <ul className="small">
                {parsed.rules.slice(0, 6).map((r, i) => (
                  <li key={i}>{ruleText(r, nameOf)}</li>
                ))}
                {parsed.rules.length > 6 && <li>…</li>}
              </ul>
            )}
          </div>
        )}
        <ReviewFoot
          review={review} onCancel={onClose} disabled={!ready}
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
      </form>
    </Dialog>
  )
}
