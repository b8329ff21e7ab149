/** Opcodes that code written by hand uses often. */
export const I32_ADD = 0x6a;
export const I32_AND = 0x71;
export const I64_ADD = 0x7c;
export const I64_AND = 0x83;
export const I64_OR = 0x84;
export const LOAD_U8 = [0x2d];
export const LOAD_I32 = [0x28];
export const LOAD_U16 = [0x2f];
export const LOAD_U32_I64 = [0x35];
export const LOAD_I64 = [0x29];
/** The lower half of an i32. */
export const STORE_U16 = [0x3b];
export const STORE_I32 = [0x36];
export const STORE_I64 = [0x37];
export const WRAP = 0xa7;
