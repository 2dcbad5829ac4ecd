/* SPDX-License-Identifier: MIT */
/*
 * vfork.S - vfork shares the caller's stack and returns twice, so nothing of ours may be on it:
 * get ready, then jump to the original as if the program had called it
 */
#if defined(__x86_64__)

	.text
	.globl	vfork, __vfork
	.type	vfork, @function
	.type	__vfork, @function
	.p2align 4
vfork:
__vfork:
	.cfi_startproc
	endbr64
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	fio_vfork_next
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	jmp	*%rax
	.cfi_endproc
	.size	vfork, . - vfork
	.size	__vfork, . - __vfork

#elif defined(__aarch64__)

	.text
	.globl	vfork, __vfork
	.type	vfork, %function
	.type	__vfork, %function
	.p2align 4
vfork:
__vfork:
	.cfi_startproc
	hint	#34
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset 29, -16
	.cfi_offset 30, -8
	bl	fio_vfork_next
	ldp	x29, x30, [sp], #16
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	mov	x16, x0
	br	x16
	.cfi_endproc
	.size	vfork, . - vfork
	.size	__vfork, . - __vfork

#endif

	.section .note.GNU-stack, "", %progbits
