/* SPDX-License-Identifier: MIT */
/*
 * jump.S - the BARRIER rows: functions of any signature, with everything finished before
 *
 * The arguments are kept aside while fio_jump_target() does the work and names the original.
 */
#define SYM(...)
#define VSYM(...)
#define SYMA(...)
#define CUSTOM(...)
#define VCUSTOM(...)
#define CUSTOMV(...)
#define VCUSTOMV(...)
#define FRONT(...)
#define VFRONT(...)
#define ALIAS(...)

	.text

#if defined(__x86_64__)

	.set	row, 0
	.macro	barrier name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	movl	$row, %r11d
	jmp	jump
	.cfi_endproc
	.size	\name, . - \name
	.set	row, row + 1
	.endm

	.type	jump, @function
	.p2align 4
jump:
	.cfi_startproc
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	pushq	%rcx
	.cfi_adjust_cfa_offset 8
	pushq	%r8
	.cfi_adjust_cfa_offset 8
	pushq	%r9
	.cfi_adjust_cfa_offset 8
	movl	%r11d, %edi
	call	fio_jump_target
	movq	%rax, %r11
	popq	%r9
	.cfi_adjust_cfa_offset -8
	popq	%r8
	.cfi_adjust_cfa_offset -8
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	popq	%rax
	.cfi_adjust_cfa_offset -8
	jmp	*%r11
	.cfi_endproc
	.size	jump, . - jump

#define BARRIER(name) barrier name
#include "symbols.def"

#elif defined(__aarch64__)

	.set	row, 0
	.macro	barrier name
	.globl	\name
	.type	\name, %function
	.p2align 4
\name:
	.cfi_startproc
	hint	#34
	mov	w16, #row
	b	jump
	.cfi_endproc
	.size	\name, . - \name
	.set	row, row + 1
	.endm

	.type	jump, %function
	.p2align 4
jump:
	.cfi_startproc
	stp	x29, x30, [sp, #-96]!
	.cfi_def_cfa_offset 96
	.cfi_offset 29, -96
	.cfi_offset 30, -88
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	stp	x6, x7, [sp, #64]
	str	x8, [sp, #80]
	mov	w0, w16
	bl	fio_jump_target
	mov	x16, x0
	ldp	x0, x1, [sp, #16]
	ldp	x2, x3, [sp, #32]
	ldp	x4, x5, [sp, #48]
	ldp	x6, x7, [sp, #64]
	ldr	x8, [sp, #80]
	ldp	x29, x30, [sp], #96
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	br	x16
	.cfi_endproc
	.size	jump, . - jump

#define BARRIER(name) barrier name
#include "symbols.def"

#endif

	.section .note.GNU-stack, "", %progbits
