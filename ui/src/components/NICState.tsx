import type {NIC} from '../api/types'
import {nics as t} from '../texts'
import {State} from './Badge'

/** Whether a NIC's host enforces its policy, and why not. */
export function NICState({nic: n}: {nic: NIC}) {
  if (n.conflict) return <span title={n.conflict.detail}><State tone="deny">{t.conflict}</State></span>
  if (!n.host) return <State tone="neutral">{t.unplugged}</State>
  if (n.enforcement === 'off') return <State tone="warn">{t.unfiltered}</State>
  return n.ready ? <State tone="allow">{t.ready}</State> : <State tone="warn">{t.notReady}</State>
}
