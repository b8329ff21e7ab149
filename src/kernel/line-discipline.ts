/** The terminal line discipline: what typed bytes become on their way to a reader (editing, signals, echo) and what written bytes become on their way to the screen. Knows no files and no processes. */

/** Modes by their POSIX names; a personality maps its own bits to them. */
export type TerminalFlag =
  | 'IGNBRK'
  | 'BRKINT'
  | 'IGNPAR'
  | 'PARMRK'
  | 'INPCK'
  | 'ISTRIP'
  | 'INLCR'
  | 'IGNCR'
  | 'ICRNL'
  | 'IUCLC'
  | 'IXON'
  | 'IXANY'
  | 'IXOFF'
  | 'IMAXBEL'
  | 'IUTF8' // biome-ignore format: by group
  | 'OPOST'
  | 'OLCUC'
  | 'ONLCR'
  | 'OCRNL'
  | 'ONOCR'
  | 'ONLRET'
  | 'XTABS'
  | 'ISIG'
  | 'ICANON'
  | 'ECHO'
  | 'ECHOE'
  | 'ECHOK'
  | 'ECHONL'
  | 'NOFLSH'
  | 'TOSTOP'
  | 'ECHOCTL'
  | 'ECHOPRT'
  | 'ECHOKE'
  | 'IEXTEN'
  | 'EXTPROC' // biome-ignore format: by group
  | 'CREAD'
  | 'HUPCL'
  | 'CLOCAL';

export type SpecialCharacter =
  | 'INTR' | 'QUIT' | 'ERASE' | 'KILL' | 'EOF' | 'EOL' | 'EOL2' | 'START' | 'STOP' | 'SUSP' | 'REPRINT' | 'WERASE' | 'LNEXT'; // biome-ignore format: one list

export interface TerminalSettings {
  flags: ReadonlySet<TerminalFlag>;
  /** Byte of each special character; 0: off. */
  characters: Readonly<Record<SpecialCharacter, number>>;
  /** VMIN and VTIME (tenths of a second). */
  minimum: number;
  time: number;
  /** Line speed and whatever else a personality wants to read back as it was set: opaque here. */
  extra: Readonly<Record<string, number>>;
}

const CTRL = (letter: string) => letter.charCodeAt(0) & 0x1f;

/** What a fresh terminal is set to ("stty sane"). */
export const SANE: TerminalSettings = {
  flags: new Set<TerminalFlag>([
    'ICRNL',
    'IXON',
    'IUTF8',
    'OPOST',
    'ONLCR',
    'ISIG',
    'ICANON',
    'ECHO',
    'ECHOE',
    'ECHOK',
    'ECHOCTL',
    'ECHOKE',
    'IEXTEN',
    'CREAD', // biome-ignore format: one list
  ]),
  characters: {
    INTR: CTRL('C'),
    QUIT: CTRL('\\'),
    ERASE: 0x7f,
    KILL: CTRL('U'),
    EOF: CTRL('D'),
    EOL: 0,
    EOL2: 0,
    START: CTRL('Q'),
    STOP: CTRL('S'),
    SUSP: CTRL('Z'),
    REPRINT: CTRL('R'),
    WERASE: CTRL('W'),
    LNEXT: CTRL('V'),
  },
  minimum: 1,
  time: 0,
  extra: {},
};

/** What the discipline tells its terminal. */
export interface LineEvents {
  /** Bytes for the screen: echo. */
  echo(bytes: number[]): void;
  /** A signal character was typed. */
  signal(signal: 'SIGINT' | 'SIGQUIT' | 'SIGTSTP'): void;
  /** Output stopped or started by XOFF and XON. */
  flow(stopped: boolean): void;
  /** Typed ahead output is to be thrown away with the input. */
  flushOutput(): void;
}

const BEL = 7;
const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const CARET = 94;
/** What a canonical line, and the buffer of a raw one, hold at most. */
export const INPUT_MAX = 4096;

/** Each character of the edited line remembers how many columns its echo took. */
interface Typed {
  byte: number;
  columns: number;
}

export class LineDiscipline {
  #settings: TerminalSettings = SANE;
  #flags: ReadonlySet<TerminalFlag> = SANE.flags;
  readonly #events: LineEvents;
  /** The line being edited. */
  #line: Typed[] = [];
  /** Lines that ended, each with its newline; one that ended by EOF has none and may be empty. */
  #lines: number[][] = [];
  /** Input of non-canonical mode. */
  #raw: number[] = [];
  #literal = false;
  #column = 0;
  stopped = false;

  constructor(events: LineEvents) {
    this.#events = events;
  }

  get settings(): TerminalSettings {
    return this.#settings;
  }

  set settings(settings: TerminalSettings) {
    const before = this.#flags.has('ICANON');
    this.#settings = settings;
    this.#flags = settings.flags;
    const now = this.#flags.has('ICANON');
    if (before && !now) {
      for (const line of this.#lines) for (const byte of line) this.#raw.push(byte);
      for (const { byte } of this.#line) this.#raw.push(byte);
      this.#lines = [];
      this.#line = [];
    } else if (!before && now && this.#raw.length > 0) {
      // What was typed in raw mode counts as a finished line.
      this.#lines.push(this.#raw);
      this.#raw = [];
    }
    if (!this.#flags.has('IXON') && this.stopped) this.#flow(false);
  }

  get canonical(): boolean {
    return this.#flags.has('ICANON');
  }

  /** Bytes that a read would find now: the first line, or all of raw input. */
  get available(): number {
    return this.canonical ? (this.#lines[0]?.length ?? 0) : this.#raw.length;
  }

  /** A read would not block for want of a line (raw mode: of a byte). */
  get hasInput(): boolean {
    return this.canonical ? this.#lines.length > 0 : this.#raw.length > 0;
  }

  /** How many bytes may be typed before some are lost. */
  get room(): number {
    if (!this.canonical) return Math.max(0, INPUT_MAX - 1 - this.#raw.length);
    // An editor's keys must always come through, so a full line refuses bytes itself instead of holding up the typist.
    return INPUT_MAX;
  }

  /** Move input to a reader. In canonical mode at most one line. */
  take(into: Uint8Array): number {
    const from = this.canonical ? this.#lines[0] : this.#raw;
    if (!from) return 0;
    const count = Math.min(into.length, from.length);
    for (let i = 0; i < count; i++) into[i] = from[i];
    from.splice(0, count);
    if (this.canonical && from.length === 0) this.#lines.shift();
    return count;
  }

  flushInput(): void {
    this.#line = [];
    this.#lines = [];
    this.#raw = [];
    this.#literal = false;
  }

  /** A byte was typed. */
  type(typed: number): void {
    const flags = this.#flags;
    const { characters } = this.#settings;
    let byte = flags.has('ISTRIP') ? typed & 0x7f : typed;
    if (this.#literal) {
      this.#literal = false;
      this.#accept(byte);
      return;
    }
    const is = (name: SpecialCharacter) => characters[name] !== 0 && characters[name] === byte;
    if (flags.has('IXON')) {
      if (is('STOP')) {
        this.#flow(characters.START === characters.STOP ? !this.stopped : true);
        return;
      }
      if (is('START')) {
        this.#flow(false);
        return;
      }
      if (this.stopped && flags.has('IXANY')) this.#flow(false);
    }
    if (flags.has('ISIG')) {
      const signal = is('INTR') ? 'SIGINT' : is('QUIT') ? 'SIGQUIT' : is('SUSP') ? 'SIGTSTP' : undefined;
      if (signal) {
        this.#signal(signal, byte);
        return;
      }
    }
    if (byte === RETURN) {
      if (flags.has('IGNCR')) return;
      if (flags.has('ICRNL')) byte = NEWLINE;
    } else if (byte === NEWLINE && flags.has('INLCR')) {
      byte = RETURN;
    }
    if (flags.has('ICANON') && this.#edit(byte, characters)) return;
    this.#accept(byte);
  }

  /** Output processing: the bytes for the screen. */
  process(from: Uint8Array): Uint8Array {
    const flags = this.#flags;
    if (!flags.has('OPOST')) {
      return from;
    }
    const out: number[] = [];
    for (const byte of from) this.#put(byte, out);
    return Uint8Array.from(out);
  }

  #put(byte: number, out: number[]): void {
    const flags = this.#flags;
    switch (byte) {
      case NEWLINE:
        if (flags.has('ONLRET')) this.#column = 0;
        if (flags.has('ONLCR')) {
          this.#column = 0;
          out.push(RETURN);
        }
        out.push(NEWLINE);
        return;
      case RETURN:
        if (flags.has('ONOCR') && this.#column === 0) return;
        if (flags.has('OCRNL')) {
          if (flags.has('ONLRET')) this.#column = 0;
          out.push(NEWLINE);
          return;
        }
        this.#column = 0;
        break;
      case TAB: {
        const width = 8 - (this.#column % 8);
        this.#column += width;
        if (flags.has('XTABS')) {
          for (let i = 0; i < width; i++) out.push(SPACE);
          return;
        }
        break;
      }
      case BACKSPACE:
        if (this.#column > 0) this.#column--;
        break;
      default:
        // Continuation bytes of UTF-8 take no column of their own.
        if (byte >= SPACE && byte !== 0x7f && !(flags.has('IUTF8') && (byte & 0xc0) === 0x80)) this.#column++;
    }
    out.push(byte);
  }

  #flow(stopped: boolean): void {
    if (this.stopped === stopped) return;
    this.stopped = stopped;
    this.#events.flow(stopped);
  }

  #signal(signal: 'SIGINT' | 'SIGQUIT' | 'SIGTSTP', byte: number): void {
    if (!this.#flags.has('NOFLSH')) {
      this.flushInput();
      this.#events.flushOutput();
    }
    if (this.stopped) this.#flow(false);
    if (this.#flags.has('ECHO')) this.#echo(byte);
    this.#events.signal(signal);
  }

  /** The editing characters of canonical mode; true if the byte was one. */
  #edit(byte: number, characters: TerminalSettings['characters']): boolean {
    if (byte !== 0) {
      if (byte === characters.ERASE) return this.#erase('character');
      if (byte === characters.KILL) return this.#erase('line');
      if (byte === characters.EOF) {
        this.#finish();
        return true;
      }
      if (this.#flags.has('IEXTEN')) {
        if (byte === characters.WERASE) return this.#erase('word');
        if (byte === characters.LNEXT) {
          this.#literal = true;
          if (this.#flags.has('ECHO') && this.#flags.has('ECHOCTL')) this.#events.echo([CARET, BACKSPACE]);
          return true;
        }
        if (byte === characters.REPRINT && this.#flags.has('ECHO')) {
          this.#echo(byte);
          this.#echoRaw([NEWLINE]);
          for (const typed of this.#line) this.#echo(typed.byte);
          return true;
        }
      }
    }
    const ends = byte === NEWLINE || (byte !== 0 && (byte === characters.EOL || byte === characters.EOL2));
    if (!ends) return false;
    if (this.#flags.has('ECHO') || (byte === NEWLINE && this.#flags.has('ECHONL'))) {
      if (byte === NEWLINE) this.#echoRaw([NEWLINE]);
      else this.#echo(byte);
    }
    this.#line.push({ byte, columns: 0 });
    this.#finish();
    return true;
  }

  #finish(): void {
    this.#lines.push(this.#line.map((typed) => typed.byte));
    this.#line = [];
  }

  #accept(byte: number): void {
    const held = this.canonical ? this.#line.length : this.#raw.length;
    if (held >= INPUT_MAX - 1) {
      if (this.#flags.has('IMAXBEL')) this.#events.echo([BEL]);
      return;
    }
    let columns = 0;
    if (this.#flags.has('ECHO'))
      columns = byte === NEWLINE && !this.canonical ? this.#echoRaw([byte]) : this.#echo(byte);
    else if (byte === NEWLINE && this.#flags.has('ECHONL') && this.canonical) this.#echoRaw([byte]);
    if (this.canonical) this.#line.push({ byte, columns });
    else this.#raw.push(byte);
  }

  /** Show a typed byte, control characters as ^X; returns the columns it took. */
  #echo(byte: number): number {
    const control = (byte < SPACE && byte !== TAB && byte !== NEWLINE) || byte === 0x7f;
    if (control && this.#flags.has('ECHOCTL')) return this.#echoRaw([CARET, byte ^ 0x40]);
    return this.#echoRaw([byte]);
  }

  #echoRaw(bytes: number[]): number {
    const before = this.#column;
    if (this.#flags.has('OPOST')) {
      const out: number[] = [];
      for (const byte of bytes) this.#put(byte, out);
      this.#events.echo(out);
    } else {
      this.#events.echo(bytes);
    }
    return Math.max(0, this.#column - before);
  }

  #erase(what: 'character' | 'word' | 'line'): true {
    if (this.#line.length === 0) return true;
    const flags = this.#flags;
    if (what === 'line' && !(flags.has('ECHO') && flags.has('ECHOKE') && flags.has('ECHOE'))) {
      this.#line = [];
      if (flags.has('ECHO')) {
        this.#echo(this.#settings.characters.KILL);
        if (flags.has('ECHOK')) this.#echoRaw([NEWLINE]);
      }
      return true;
    }
    let seenWord = false;
    while (this.#line.length > 0) {
      if (what === 'word') {
        const isWord = isWordByte(this.#line[this.#line.length - 1].byte);
        if (!isWord && seenWord) break;
        if (isWord) seenWord = true;
      }
      let columns = 0;
      let typed: Typed;
      do {
        typed = this.#line.pop() as Typed;
        columns += typed.columns;
      } while (flags.has('IUTF8') && (typed.byte & 0xc0) === 0x80 && this.#line.length > 0);
      if (flags.has('ECHO')) {
        if (flags.has('ECHOE')) this.#rubOut(typed.byte, columns);
        else this.#echo(this.#settings.characters.ERASE);
      }
      if (what === 'character') break;
    }
    return true;
  }

  #rubOut(byte: number, columns: number): void {
    const bytes: number[] = [];
    // A tab is stepped over backwards, anything else is blanked out.
    for (let i = 0; i < columns; i++) bytes.push(...(byte === TAB ? [BACKSPACE] : [BACKSPACE, SPACE, BACKSPACE]));
    this.#column = Math.max(0, this.#column - columns);
    if (bytes.length > 0) this.#events.echo(bytes);
  }
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    byte === 95 ||
    byte >= 0x80
  );
}
