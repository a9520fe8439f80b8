import {type ReactNode, useEffect, useRef} from 'react'

import {common, review as t} from '../texts'
import {ChangePreview} from './ChangePreview'
import {CheckField} from './Field'
import {ProblemNote} from './ProblemNote'
import type {Review} from './useReview'

interface Props {
  review: Review
  onCancel: () => void
  /** Pointers whose faults the form shows itself. */
  shown?: string[]
  /** What changed meanwhile, when the state is not what it was. */
  conflict?: ReactNode
  danger?: boolean
  disabled?: boolean
}

/** The end of every form that changes something: its dry run, and the buttons. */
export function ReviewFoot({review: r, onCancel, shown, conflict, danger, disabled}: Props) {
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (r.preview || r.error) end.current?.scrollIntoView({block: 'nearest'})
  }, [r.preview, r.error])
  return (
    <div className="review" ref={end}>
      <div aria-live="polite">
        {r.conflict && conflict ? conflict : <ProblemNote error={r.error} shown={shown} />}
        {r.guarded && <CheckField label={t.confirmOpen} checked={r.confirm} onChange={(e) => r.setConfirm(e.target.checked)} />}
        {r.preview && <ChangePreview preview={r.preview} />}
      </div>
      <div className="buttons">
        <button type="button" onClick={onCancel}>
          {common.cancel}
        </button>
        {r.preview ? (
          <button type="button" className={danger ? 'danger' : 'primary'} disabled={r.busy !== '' || disabled} onClick={() => void r.apply()}>
            {r.busy === 'apply' ? t.applying : danger ? t.applyDelete : t.apply}
          </button>
        ) : (
          <button type="submit" className="primary" disabled={r.busy !== '' || disabled || (r.guarded && !r.confirm)}>
            {r.busy === 'review' ? t.reviewing : r.outdated || r.error ? t.again : t.review}
          </button>
        )}
      </div>
    </div>
  )
}
