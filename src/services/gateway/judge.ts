/**
 * Who decides about flows, and what is told of each: declared here, decided by rules (`judgeByRules`) or by a
 * policy.
 * @module
 */
import type { Block } from '../block.ts';
import { decide, type Guest, type Rule } from './rules.ts';

/** A flow that somebody wants to open. */
export interface FlowQuestion {
  readonly guest: Guest;
  readonly protocol: 'tcp' | 'udp';
  /** Where it goes: dotted decimal or RFC 5952's form, and 1 to 65535. */
  readonly address: string;
  readonly port: number;
}

/** What becomes of a flow. */
export interface Verdict {
  readonly action: 'allow' | 'deny' | 'proxy';
  /** A word that says why: `rule`, `default`, `closed`, `direct`, ... */
  readonly reason: string;
  /** As it was given; undefined if none fits. */
  readonly rule?: string | undefined;
  /** The name that the flow goes to, as far as it is known. */
  readonly name?: string | undefined;
  /** Judge it again when it says where it goes (`heard`). */
  readonly listen?: boolean;
}

/** What a flow's first text says of itself. */
export interface Said {
  /** How it speaks; `other` is neither of these, `silent` ends without a word. */
  readonly kind: 'tls' | 'http' | 'quic' | 'other' | 'silent';
  /** The name that it asks for, in small letters; undefined if it says none. */
  readonly name?: string | undefined;
}

/** Decides about flows. */
export interface Judge {
  /** Before it is answered. Throws: it is refused. */
  judge(flow: FlowQuestion): Verdict | Promise<Verdict>;
  /** When it has said where it goes; `before` is what was decided first. */
  heard(flow: FlowQuestion, said: Said, before: Verdict): Verdict | Promise<Verdict>;
  /**
   * Of one that is open, when others may be let through than were; `before` is what was decided last. Left out: as of
   * one that is new.
   */
  again?(flow: FlowQuestion, before: Verdict): Verdict | Promise<Verdict>;
}

/** A flow that is open, or was. */
export interface FlowLine extends FlowQuestion {
  /** Counts up from 1. */
  readonly id: number;
  readonly action: 'allow' | 'proxy';
  readonly reason: string;
  readonly rule?: string | undefined;
  readonly name?: string | undefined;
  /** Milliseconds since it was let through. */
  readonly age: number;
  /** Text from the guest and to it. */
  readonly bytesOut: number;
  readonly bytesIn: number;
}

/** Is told what becomes of flows. */
export interface FlowWatcher {
  /** It was refused, with nothing carried. */
  denied?(flow: FlowQuestion, verdict: Verdict): void;
  /** It is open. */
  opened?(flow: FlowLine): void;
  /** It was let through and could not be carried: Node's code, or `full`. */
  failed?(flow: FlowQuestion, verdict: Verdict, code: string): void;
  /** It is over: `cut` if that was decided here, with the reason. */
  closed?(flow: FlowLine, cut: string | undefined): void;
}

/** Rules alone, which know no names. */
export function judgeByRules(rules: readonly Rule[], closed: () => readonly Block[]): Judge {
  const judge = (flow: FlowQuestion): Verdict => {
    const { allow, rule, closed: shut } = decide(rules, flow, { closings: [closed()] });
    if (allow) return { action: rule?.proxy ? 'proxy' : 'allow', reason: 'rule', rule: rule?.text };
    const reason = rule ? 'rule' : shut ? 'closed' : 'default';
    return { action: 'deny', reason, rule: rule?.text };
  };
  return { judge, heard: (_flow, _said, before) => before, again: judge };
}
