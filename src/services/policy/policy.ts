/**
 * What guests may reach, decided outside of them: by rules on names, networks, ports and guests, and by a
 * function. A name counts by what this guest was told of it *and* by what its flow then says; what says another
 * name, or none where it should, is cut before a byte of it has left.
 * @module
 */
import { isIP } from 'node:net';
import type { Block } from '../block.ts';
import type { DnsAnswer, DnsQuestion } from '../dns/forwarder.ts';
import type { FlowQuestion, Judge, Said, Verdict } from '../gateway/judge.ts';
import {
  type Decision,
  decide,
  fitsGuest,
  fitsName,
  type Guest,
  type Rule,
} from '../gateway/rules.ts';
import { DNS, DNS_OVER_TLS, isCanary, isResolver } from './encrypted-dns.ts';
import { Pins } from './pins.ts';
import { type CheckedPolicy, checkPolicy, type PolicyOptions } from './read.ts';
import { TunnelWatch } from './tunnel.ts';

/** What a policy is told of the network that it is for. */
export interface PolicyPlace {
  /** Closed besides what always is, as it is now, each list by itself: this host's own addresses. */
  readonly closings: () => readonly (readonly Block[])[];
  /** Addresses of names that are answered here: a rule with such a name opens them. */
  readonly own: (name: string) => readonly string[];
  readonly guestOf: (address: string) => Guest;
  /** What a guest has in common, whichever of its addresses it uses. */
  readonly identityOf: (address: string) => string;
  /** Where it is plugged in, as it may have many addresses. */
  readonly portOf: (address: string) => string;
  /** Microseconds. */
  readonly now: () => number;
}

/** A name that was not answered, and why. */
export interface NameRefusal extends DnsQuestion {
  readonly reason: string;
}

const HTTP = 80;
const HTTPS = 443;

/** What guests may reach, and which names they may ask for. */
export class Policy implements Judge {
  readonly #place: PolicyPlace;
  readonly #pins: Pins = new Pins();
  /** Gets names that are not answered. */
  refused: ((refusal: NameRefusal) => void) | undefined;
  #checked: CheckedPolicy;
  #tunnels: TunnelWatch;

  /** Throws as `checkPolicy`. */
  constructor(options: PolicyOptions, place: PolicyPlace) {
    this.#place = place;
    this.#checked = checkPolicy(options);
    this.#tunnels = new TunnelWatch(this.#checked.names);
  }

  get options(): PolicyOptions {
    return this.#checked.given;
  }

  /** Have another one from now on; what guests were told stays known. Throws as `checkPolicy`, and changes nothing then. */
  replace(options: PolicyOptions): void {
    this.#checked = checkPolicy(options);
    this.#tunnels = new TunnelWatch(this.#checked.names);
  }

  /** Whether a guest is told of a name. */
  resolves(question: DnsQuestion): boolean {
    const reason = this.#whyNot(question);
    if (reason === undefined) return true;
    this.refused?.({ ...question, reason });
    return false;
  }

  /** A guest was told of a name. */
  told({ guest, name, addresses, ttl }: DnsAnswer): void {
    if (addresses.length === 0) return;
    const { identityOf, now } = this.#place;
    this.#pins.add(identityOf(guest), name, addresses, ttl, now());
  }

  /** Another guest has this address now. */
  forget(address: string): void {
    this.#pins.forget(address);
  }

  judge(flow: FlowQuestion): Verdict | Promise<Verdict> {
    const { identityOf, now } = this.#place;
    const names = this.#pins.find(identityOf(flow.guest.address), flow.address, now());
    // A flow to an address of several names may be to any of them: it will say to which.
    const tries = names.length === 0 ? [undefined] : names;
    let verdict: Verdict | undefined;
    for (const name of tries) {
      const one = this.#byRules(flow, name);
      if (verdict === undefined || (verdict.action === 'deny' && one.action !== 'deny')) {
        verdict = one;
      }
    }
    return this.#ask(flow, verdict as Verdict); // there is a try at least
  }

  heard(flow: FlowQuestion, said: Said, before: Verdict): Verdict | Promise<Verdict> {
    const name = said.name === undefined || isIP(said.name) !== 0 ? undefined : said.name;
    if (name !== undefined) {
      const verdict = this.#byRules(flow, name);
      const byName = this.#ruleOf(verdict)?.name !== undefined;
      const { now } = this.#place;
      if (verdict.action !== 'deny' && byName && !this.#leads(flow, name, now())) {
        return { ...verdict, action: 'deny', reason: 'not-pinned' };
      }
      return name === before.name
        ? { ...verdict, ...sameAction(verdict, before) }
        : this.#ask(flow, verdict);
    }
    // Without words for names it goes by the one that it was told.
    const mustSay = said.kind === 'tls' || said.kind === 'http' || said.kind === 'quic';
    const isWeb = flow.port === HTTP || flow.port === HTTPS;
    if (!mustSay && (!isWeb || said.kind === 'silent')) return before;
    // Whoever should say one and does not goes by the address alone.
    const alone = this.#byRules(flow, undefined);
    const { onFlow } = this.#checked;
    if (onFlow !== undefined && before.name !== undefined) return this.#ask(flow, alone);
    if (onFlow !== undefined && before.reason === 'function') return before; // it was asked just that
    if (alone.action === before.action) return { ...alone, name: before.name };
    return { ...before, action: 'deny', reason: 'no-name' };
  }

  /** By the name that was told or said when it was opened, however long ago: it is not looked up again. */
  again(flow: FlowQuestion, before: Verdict): Verdict | Promise<Verdict> {
    if (before.name === undefined) return this.judge(flow);
    return this.#ask(flow, this.#byRules(flow, before.name));
  }

  #leads({ guest, address }: FlowQuestion, name: string, now: number): boolean {
    return this.#pins.has(this.#place.identityOf(guest.address), address, name, now);
  }

  #ruleOf({ rule }: Verdict): Rule | undefined {
    return rule === undefined ? undefined : this.#checked.rules.find(({ text }) => text === rule);
  }

  #byRules(flow: FlowQuestion, name: string | undefined): Verdict {
    const { rules, blocks, direct, encryptedDns, listens, otherwise } = this.#checked;
    const closed = { closings: [...this.#place.closings(), blocks], own: this.#place.own };
    const decision = decide(rules, { ...flow, name }, closed, otherwise);
    const { allow, rule } = decision;
    const reason = rule ? 'rule' : decision.closed ? 'closed' : 'default';
    const known = { name, rule: rule?.text };
    if (!allow) {
      const isDirect = reason === 'default' && name === undefined;
      return { action: 'deny', reason: isDirect ? 'direct' : reason, ...known };
    }
    if (!encryptedDns && this.#evades(flow, name, decision)) {
      return { action: 'deny', reason: 'foreign-dns', ...known };
    }
    if (!direct && name === undefined && rule === undefined) {
      return { action: 'deny', reason: 'direct', ...known };
    }
    const action = rule?.proxy ? 'proxy' : 'allow';
    return { action, reason, ...known, listen: listens };
  }

  /** It asks a resolver that is not ours, and no rule says so. */
  #evades({ port }: FlowQuestion, name: string | undefined, { rule }: Decision): boolean {
    if (port === DNS || port === DNS_OVER_TLS) {
      return rule === undefined || rule.firstPort !== port || rule.lastPort !== port;
    }
    return name !== undefined && isResolver(name) && rule?.name === undefined;
  }

  /** By the function, if there is one and the place is not closed. */
  #ask(flow: FlowQuestion, verdict: Verdict): Verdict | Promise<Verdict> {
    const { onFlow } = this.#checked;
    if (onFlow === undefined || verdict.reason === 'closed') return verdict;
    const { guest, protocol, address, port } = flow;
    const { name } = verdict;
    const answer = onFlow({ guest, protocol, address, port, ...(name !== undefined && { name }) });
    const take = (action: Verdict['action'] | undefined): Verdict => {
      if (action === undefined) return verdict;
      return { action, reason: 'function', name, listen: true };
    };
    return answer instanceof Promise ? answer.then(take) : take(answer);
  }

  /** Why a name is not answered; undefined: it is. */
  #whyNot({ guest: address, name }: DnsQuestion): string | undefined {
    const { rules, onFlow, encryptedDns, onlyNamed } = this.#checked;
    const guest = this.#place.guestOf(address);
    const rule = rules.find(
      (one) =>
        one.name !== undefined &&
        fitsName(one, name) &&
        fitsGuest(one, guest) &&
        (one.allow || (one.firstPort === 0 && one.lastPort === 65_535 && !one.protocol)),
    );
    if (rule && !rule.allow) return 'rule';
    if (rule === undefined) {
      if (!encryptedDns && (isCanary(name) || isResolver(name))) return 'foreign-dns';
      if (onlyNamed && onFlow === undefined) return 'default';
    }
    if (rule?.name === name) return undefined; // one name alone carries nothing out
    const { portOf, now } = this.#place;
    const fault = this.#tunnels.check(portOf(address), name, now());
    return fault && `tunnel-${fault}`;
  }
}

/** What was decided by a function stays so while the flow says what it said. */
const sameAction = (now: Verdict, before: Verdict): Partial<Verdict> =>
  before.reason === 'function' && now.reason !== 'closed'
    ? { action: before.action, reason: before.reason }
    : {};
