// Short names of what the API's description defines.
import type {components} from '../generated/schema'

type S = components['schemas']
export type Account = S['Account']
export type AccessDiff = S['AccessDiff']
export type AccessEntry = S['AccessEntry']
export type AuditEntry = S['AuditEntry']
export type Change = S['Change']
export type Connection = S['ConnectionList']['items'][number]
/** What a list of connections and a dry run have in common of one. */
export type CutConnection = NonNullable<S['Outcome']['connections_cut']>['connections'][number]
export type ConnectionList = S['ConnectionList']
export type Drop = S['DropList']['items'][number]
export type DropList = S['DropList']
export type DropTotal = S['DropList']['totals'][number]
export type EffectiveRule = S['EffectiveRule']
export type Effects = S['Effects']
export type Event = S['Event']
export type Alarm = NonNullable<Event['alarms']>[number]
export type Flow = S['FlowList']['items'][number]
export type FlowList = S['FlowList']
export type Group = S['Group']
export type GroupWrite = S['GroupWrite']
export type Host = S['Host']
export type HostAnswer = S['HostAnswer']
export type Instance = S['Instance']
export type Matrix = S['Matrix']
export type Member = S['Member']
export type Network = S['Network']
export type NIC = S['NIC']
export type OtherEnd = S['MatrixOtherEnd']
export type Outcome = S['Outcome']
export type Problem = S['Problem']
export type Realization = S['Realization']
export type References = S['References']
export type Rule = S['Rule']
export type RuleWrite = S['RuleWrite']
export type Trace = S['Trace']
export type TraceLeg = S['TraceLeg']
export type TraceStep = S['TraceLeg']['datapath']['steps'][number]
export type TraceWrite = S['TraceWrite']
export type Verdict = S['TraceVerdict']

export interface Page<T> {
  items: T[]
  next_cursor: string | null
  revision: number
}
