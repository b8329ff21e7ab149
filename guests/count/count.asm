; A filter for FreeBSD: counts the lines and bytes of standard input. An error comes back as carry flag and errno.
global _start
section .text
_start: xor r12d, r12d          ; lines
        xor r13d, r13d          ; bytes
again:  mov eax, 3              ; read(0, buffer, 512)
        xor edi, edi
        lea rsi, [rel buffer]
        mov edx, 512
        syscall
        jc failed
        test rax, rax
        jz done
        add r13, rax
        mov rcx, rax
        mov al, 10
        lea rdi, [rel buffer]
scan:   repne scasb
        jne again
        inc r12
        test rcx, rcx
        jnz scan
        jmp again
done:   lea rdi, [rel text + 63]
        mov byte [rdi], 10
        mov rax, r13
        call digits
        dec rdi
        mov byte [rdi], ' '
        mov rax, r12
        call digits
        mov rsi, rdi
        lea rdx, [rel text + 64]
        sub rdx, rdi
        mov eax, 4              ; write(1, …)
        mov edi, 1
        syscall
        jc failed
        xor edi, edi
        jmp leave
failed: mov edi, eax            ; exit(errno)
leave:  mov eax, 1
        syscall
digits: mov ecx, 10             ; RAX in decimal, ending before RDI
.next:  xor edx, edx
        div rcx
        add dl, '0'
        dec rdi
        mov [rdi], dl
        test rax, rax
        jnz .next
        ret
section .bss
buffer: resb 512
text:   resb 64
