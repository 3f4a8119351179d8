// The API's shapes by short names. They come from the server's own description: `npm run types` makes openapi.d.ts.
import type { components } from './openapi';

type Schemas = components['schemas'];

export type Alert = Schemas['Alert'];
export type AlertList = Schemas['AlertList'];
export type AlertStatus = Schemas['AlertStatus'];
export type Change = Schemas['KnownChange'];
export type DetectorEvidence = Schemas['DetectorEvidence'];
export type Funnel = Schemas['FunnelReport'];
export type Dropped = Schemas['DroppedCandidate'];
export type FunnelStage = Schemas['FunnelStage'];
export type FrozenChart = Schemas['FrozenChart'];
/** What stands in the way of the server, a proxy say, may answer in its own words. */
export type Problem = Partial<Schemas['Problem']>;
export type ProcessAnswer = Schemas['ProcessAnswer'];
export type SelfTest = Schemas['SelfTestReport'];
export type SelfTestState = Schemas['SelfTestState'];
export type Sensitivity = Schemas['Sensitivity'];
export type Series = Schemas['SeriesAnswer'];
export type Severity = Schemas['Severity'];
/** Dimension -> value; empty is all traffic. */
export type Slice = Schemas['Slice'];
export type Status = Schemas['Status'];
export type Verdict = Schemas['Verdict'];
export type Compared = Schemas['ComparedSides'];
export type Distribution = Schemas['DistributionAnswer'];
export type Drivers = Schemas['DriversAnswer'];
export type DriverValue = Schemas['DriverValue'];
export type Exemplar = Schemas['Exemplar'];
export type HeatMap = Schemas['HeatMapAnswer'];
export type QueryAnswer = Schemas['QueryAnswer'];
export type Timeline = Schemas['Timeline'];
/** One entry a step; null is a gap. */
export type Column = FrozenChart['value'];

export type Report = Schemas['Report'];
export type UxScore = Schemas['UxScore'];
export type ScorePart = Schemas['ScorePart'];
export type ObjectiveState = Schemas['Objectives'];
export type Regression = Schemas['Regression'];
export type ReportQuery = Schemas['Query'];
export type Spread = Schemas['Spread'];
export type ChangeKind = Schemas['ChangeKind'];
export type NewChange = Schemas['Change'];
export type AuditLog = Schemas['AuditLog'];
export type Models = Schemas['Models'];
export type IncidentDetail = Schemas['IncidentDetail'];
export type Silence = Schemas['KnownSilence'];
export type KeptSilence = Schemas['KeptSilence'];
export type SilenceState = Schemas['SilenceState'];
export type ImportedModel = Schemas['ImportedModel'];
export type ModelVersion = Schemas['ModelVersion'];
export type ModelStanding = Schemas['Standing'];
export type DetectorEntry = Schemas['DetectorEntry'];
export type Preview = Schemas['PreviewAnswer'];
export type DefinitionDetail = Schemas['DefinitionDetail'];
export type SavedDefinitions = Schemas['Saved'];
/** A metric as its team writes it. */
export interface Definition {
  name: string;
  kind: 'latency' | 'ratio' | 'count' | 'gauge' | 'composite';
  value?: string;
  numerator?: string;
  expression?: string;
  where?: string;
  unit?: string;
  statistics?: string[];
  dimensions?: string[];
  watch?: string[][];
  stages?: string[];
  better?: 'lower' | 'higher';
  owner?: string | null;
  objective?: { statistic: string; target: number; window: string } | null;
  alert?: { min_effect?: number | string; page_at?: number | string };
  managed_by?: 'built_in' | 'file' | 'store';
  version?: number;
  changed_at?: string;
  changed_by?: string;
}
/** What was left out is filled in. */
export type DefinitionInForce = Definition & Required<Pick<Definition, 'unit' | 'statistics' | 'dimensions' | 'watch' | 'better'>>;
