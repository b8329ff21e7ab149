/** Builders for internal functions: values only, or also the state block. */
import { bug } from '../base/failures.ts';
import { Builder, type Node } from '../ir/builder.ts';

export class PureBuilder extends Builder {
  override effect(_node: Node): Node {
    return bug('effect in an internal function');
  }
  pc(): Node {
    return bug('no PC in an internal function');
  }
  nextPc(): Node {
    return bug('no PC in an internal function');
  }
}

/** Fast forms of helpers: values and effects on the state block. */
export class StateBuilder extends Builder {
  pc(): Node {
    return bug('no PC in a fast form');
  }
  nextPc(): Node {
    return bug('no PC in a fast form');
  }
}
